-- A chargeback of a booking of several parts may leave each of their hosts with a debt.
ALTER TABLE host_debts ADD COLUMN cause_id uuid;
COMMENT ON COLUMN host_debts.cause_id IS
    'what has left another debt too, which has its id; null: the id is that of what caused it';
