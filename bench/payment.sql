-- What the product writes for one payment, in a transaction of its own.
-- pgbench gives ids that grow with time, as the product's do.
\set n :n + 1
\set id (:burst * 1000000 + :n) * 1000 + :client_id
\set place random(1, :organizations)
\set number random(1, :invoices)
BEGIN;
SELECT organization_id, id AS invoice_id, customer_id,
  total - paid - credited - written_off - :amount AS due_after,
  '01990000-0000-7000-8000-' || lpad(to_hex(:id::bigint), 12, '0') AS new_id
FROM invoice
WHERE organization_id = (:places::uuid[])[:place::int]
  AND number = 'INV-' || :year || '-' || lpad(:number::text, 6, '0')
FOR UPDATE
\gset
SELECT fingerprint, answer FROM idempotency_key
WHERE organization_id = :organization_id AND act_key = :new_id;
INSERT INTO posting (organization_id, entry_id, leg, kind, date, recorded_at, account, currency,
  amount, invoice_id, payment_id)
VALUES
  (:organization_id::uuid, :new_id::uuid, 1, :type, CURRENT_DATE, now(), :account, :currency,
    :amount::bigint, NULL, :new_id::uuid),
  (:organization_id::uuid, :new_id::uuid, 2, :type, CURRENT_DATE, now(),
    'Assets:' || 'Receivable:' || left(:customer_id, 26), :currency, -:amount::bigint,
    :invoice_id::uuid, :new_id::uuid);
UPDATE invoice SET paid = paid + :amount, payment_status = 'partial', version = version + 1,
  updated_at = now(), booked_on = CURRENT_DATE
WHERE organization_id = :organization_id AND id = :invoice_id;
UPDATE counter SET last = last + 1, last_date = CURRENT_DATE, version = version + 1
WHERE organization_id = :organization_id AND kind = 'receipt' AND series = 'REC' AND year = :year
RETURNING last AS receipt
\gset
INSERT INTO payment (organization_id, id, customer_id, method, status, currency, amount, allocated,
  unallocated, refund_reserved, refunded, charged_back, paid_on, reference, note, receipt_year,
  receipt_sequence, receipt_number, receipt_date, version, created_at, updated_at, settled_at,
  booked_on)
VALUES (:organization_id, :new_id, :customer_id, :method, 'succeeded', :currency, :amount, :amount,
  0, 0, 0, 0, CURRENT_DATE, NULL, NULL, :year, :receipt,
  'REC-' || :year || '-' || lpad(:receipt::text, 6, '0'), CURRENT_DATE, 1, now(), now(), now(),
  CURRENT_DATE);
INSERT INTO allocation (organization_id, id, payment_id, invoice_id, amount, due_after, date,
  created_at)
VALUES (:organization_id, :new_id, :new_id, :invoice_id, :amount, :due_after, CURRENT_DATE, now());
INSERT INTO event (organization_id, id, type, subject_id, payload, actor_kind, actor_id, request_id,
  act_key, address, at, position)
VALUES (:organization_id, :new_id, :type, :new_id, :payload, 'key', :customer_id, :new_id, :new_id,
  '127.0.0.1', now(), NULL);
INSERT INTO idempotency_key (organization_id, act_key, fingerprint, answer, created_at, touched_at)
VALUES (:organization_id, :new_id, :fingerprint, :answer, now(), now());
COMMIT;
