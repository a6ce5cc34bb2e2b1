-- Reads of pages picked at random. Arguments: a file with "API-KEY ADDRESS" on each line.
local places = {}

function setup(thread)
  threads = threads or {}
  table.insert(threads, thread)
  thread:set("number", #threads)
  thread:set("others", 0)
end

function init(args)
  math.randomseed(os.time() + number)
  for line in io.lines(args[1]) do
    local key, address = line:match("^(%S+) (%S+)$")
    table.insert(places, { "Bearer " .. key, address })
  end
end

function request()
  local place = places[math.random(#places)]
  return wrk.format("GET", place[2], { ["Authorization"] = place[1] })
end

function response(status, headers, body)
  if status ~= 200 then
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
