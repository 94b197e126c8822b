"""Stories that begin outside: a webhook, a timer, a job."""
