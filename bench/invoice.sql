-- What the product writes for one issued invoice of three lines, in a transaction of its own.
-- What needs no number is written first, so that the counter is held as short as possible.
\set n :n + 1
\set id (:burst * 1000000 + :n) * 1000 + :client_id
\set customer random(0, :customers - 1)
BEGIN;
SELECT id AS customer_id, 'Assets:' || 'Receivable:' || left(id::text, 26) AS receivable,
  '01990000-0000-7000-8000-' || lpad(to_hex(:id::bigint), 12, '0') AS new_id
FROM customer
WHERE organization_id = :organization
  AND external_reference = 'S' || lpad(:customer::text, 4, '0')
\gset
SELECT fingerprint, answer FROM idempotency_key
WHERE organization_id = :organization AND act_key = :new_id;
INSERT INTO posting (organization_id, entry_id, leg, kind, date, recorded_at, account, currency,
  amount, invoice_id, payment_id)
VALUES
  (:organization::uuid, :new_id::uuid, 1, :type, CURRENT_DATE, now(), :receivable, :currency,
    :total::bigint, :new_id::uuid, NULL),
  (:organization::uuid, :new_id::uuid, 2, :type, CURRENT_DATE, now(), 'Income:' || 'Sales',
    :currency, -:net::bigint, NULL, NULL),
  (:organization::uuid, :new_id::uuid, 3, :type, CURRENT_DATE, now(),
    'Liabilities:' || 'Tax:' || '7', :currency, -:tax_first::bigint, NULL, NULL),
  (:organization::uuid, :new_id::uuid, 4, :type, CURRENT_DATE, now(),
    'Liabilities:' || 'Tax:' || '19', :currency, -:tax_second::bigint, NULL, NULL);
UPDATE counter SET last = last + 1, last_date = CURRENT_DATE, version = version + 1
WHERE organization_id = :organization AND kind = 'invoice' AND series = 'INV' AND year = :year
RETURNING last AS sequence
\gset
INSERT INTO invoice (organization_id, id, customer_id, status, payment_status, currency, total,
  paid, credited, written_off, reserved, series, year, sequence, number, issue_date, due_date,
  version, created_at, updated_at, booked_on)
VALUES (:organization, :new_id, :customer_id, 'open', 'unpaid', :currency, :total, 0, 0, 0, 0,
  'INV', :year, :sequence, 'INV-' || :year || '-' || lpad(:sequence::text, 6, '0'), CURRENT_DATE,
  CURRENT_DATE + :terms_days::int, 2, now(), now(), CURRENT_DATE);
INSERT INTO invoice_content (organization_id, invoice_id, terms_days, reference, note,
  discount_kind, discount_value, net, tax, discount, tax_rates, seller, buyer, document_hash,
  issued_at, voided_at, void_reason)
VALUES (:organization, :new_id, :terms_days, NULL, NULL, NULL, NULL, :net, :tax, 0, :tax_rates,
  :seller, :buyer, :document_hash, now(), NULL, NULL);
INSERT INTO invoice_line (organization_id, invoice_id, position, description, quantity_micro,
  unit_price, tax_rate_ppm, discount_kind, discount_value, net)
VALUES
  (:organization::uuid, :new_id::uuid, 1, 'Lessons, part 1', 1500000, 1000, 190000, NULL, NULL,
    1500),
  (:organization::uuid, :new_id::uuid, 2, 'Lessons, part 2', 3000000, 1000, 190000, NULL, NULL,
    3000),
  (:organization::uuid, :new_id::uuid, 3, 'Lessons, part 3', 4500000, 1000, 70000, NULL, NULL,
    4500);
INSERT INTO event (organization_id, id, type, subject_id, payload, actor_kind, actor_id, request_id,
  act_key, address, at, position)
VALUES (:organization, :new_id, :type, :new_id, :payload, 'key', :customer_id, :new_id, :new_id,
  '127.0.0.1', now(), NULL);
INSERT INTO idempotency_key (organization_id, act_key, fingerprint, answer, created_at, touched_at)
VALUES (:organization, :new_id, :fingerprint, :answer, now(), now());
COMMIT;
