-- Makes the rest of the transaction read the first events of an organization from an index. A planner that expects few rows would read
-- and sort all of them each time. It gives disabled plans a high cost, which would also make it compile the statement: so
-- compilation is off.
SELECT set_config('enable_seqscan', 'off', true), set_config('enable_bitmapscan', 'off', true),
  set_config('enable_sort', 'off', true), set_config('jit', 'off', true), set_config('plan_cache_mode', 'force_generic_plan', true);
