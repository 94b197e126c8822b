"""What refuses a verb of bookings."""

from app.foundation.errors import Conflict, Forbidden, NotFound


class BookingNotFound(NotFound):
    """There is no such booking, or the asker has no role in it."""

    title = "There is no such booking"


class NotYourPart(Forbidden):
    """The asker has a role in the booking, but only the other side may do this."""

    title = "This is for the other side to do"


class OwnListing(Forbidden):
    title = "Hosts cannot book their own listing"


class AnswerTooLate(Conflict):
    """The host's time to answer is over."""

    title = "The time to answer is over"


class ListingClosed(Conflict):
    title = "The listing takes no bookings"


class DatesBlocked(Conflict):
    title = "The host does not sell these dates"


class Departed(Conflict):
    title = "The journey or stay has begun"
