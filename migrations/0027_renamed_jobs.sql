-- Three jobs have new names. What is queued under the old ones is done as well, and whoever pauses
-- one name pauses both; a task that is paused now stays paused under its new name.
INSERT INTO job_pauses (kind, name, at)
SELECT kind, new_name, at
  FROM job_pauses
  JOIN (VALUES ('carry-out', 'send-instruction'),
               ('look-up', 'look-up-instruction'),
               ('let-out', 'admit-refunds')) AS renamed (old_name, new_name)
    ON name = old_name
 WHERE kind = 'task'
    ON CONFLICT DO NOTHING;
