-- squawk-ignore ban-drop-constraint
ALTER TABLE notifications DROP CONSTRAINT notifications_kind_known;
ALTER TABLE notifications ADD CONSTRAINT notifications_kind_known CHECK (kind IN (
    'booking_confirmed', 'booking_cancelled', 'booking_requested', 'booking_declined',
    'booking_times_corrected', 'hold_expired', 'refund_pending', 'dispute_opened',
    'dispute_resolved', 'dispute_withdrawn', 'refund_sent', 'payout_sent', 'payout_failed',
    'host_debt', 'rental_given_back', 'payout_account_stopped', 'bank_refused',
    'chargeback_opened', 'chargeback_won', 'chargeback_lost', 'session_ended',
    'payout_account_changed', 'payout_number_outdated'
)) NOT VALID;
