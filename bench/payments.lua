-- Payments of a small amount on invoices picked at random, each under an idempotency key of its own.
-- Arguments: a file with "API-KEY INVOICE-ID" on each line, a prefix for the keys.
local places, prefix, count = {}, "", 0

function setup(thread)
  threads = threads or {}
  table.insert(threads, thread)
  thread:set("number", #threads)
  thread:set("others", 0)
end

function init(args)
  math.randomseed(os.time() + number)
  prefix = args[2] .. "-" .. number .. "-"
  for line in io.lines(args[1]) do
    local key, invoice = line:match("^(%S+) (%S+)$")
    table.insert(places, { "Bearer " .. key, invoice })
  end
end

function request()
  count = count + 1
  local place = places[math.random(#places)]
  local headers = {
    ["Authorization"] = place[1],
    ["Content-Type"] = "application/json",
    ["Idempotency-Key"] = prefix .. count,
  }
  local body = '{"amount": "1.00", "currency": "EUR", "method": "bank_transfer", "invoices": '
    .. '[{"invoice_id": "' .. place[2] .. '"}]}'
  return wrk.format("POST", "/v1/payments", headers, body)
end

function response(status, headers, body)
  if status ~= 201 then
    others = others + 1
    sample = sample or (status .. " " .. body)
  end
end

function done(summary, latency, requests)
  local others, sample = 0, ""
  for _, thread in ipairs(threads) do
    others = others + thread:get("others")
    sample = thread:get("sample") or sample
  end
  local failed = summary.errors
  io.write(string.format("\nresult %d %d %d %d %f %f %s\n", summary.requests, summary.duration, others,
    failed.connect + failed.read + failed.write + failed.timeout,
    latency:percentile(50) / 1000, latency:percentile(99) / 1000, sample))
end
