-- The first page of a list of invoices by filter, as the product asks for it.
SELECT * FROM invoice
WHERE organization_id = :organization AND status = 'open' AND payment_status = 'unpaid'
ORDER BY id DESC LIMIT 51;
