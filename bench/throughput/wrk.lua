-- wrk … -s wrk.lua URL -- METHOD FILE [one-each]: the cookies in FILE take turns, or each thread keeps one for itself.
local threads = {}

function setup(thread)
  table.insert(threads, thread)
  thread:set('number', #threads)
end

function init(args)
  local cookies = {}
  for line in io.lines(args[2]) do
    if line ~= '' then table.insert(cookies, line) end
  end
  local function text(cookie)
    return wrk.format(args[1], nil, { ['Cookie'] = cookie, ['Host'] = wrk.headers['Host'] })
  end
  requests = {}
  for _, cookie in ipairs(cookies) do table.insert(requests, text(cookie)) end
  if #cookies == 0 then requests[1] = text(nil) end
  turn = number - 1
  step = args[3] == 'one-each' and 0 or 1
end

function request()
  local text = requests[turn % #requests + 1]
  turn = turn + step
  return text
end

function done(summary)
  local e = summary.errors
  local bad = e.connect + e.read + e.write + e.status + e.timeout
  print(string.format('RESULT {"requests":%d,"micros":%d,"bad":%d}', summary.requests, summary.duration, bad))
end
