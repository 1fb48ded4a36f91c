-- Has the first rows of an organization read from an index, for the rest of a transaction: a planner that believes that there are
-- few would read all of them each time, and sort them. It believes that what is off costs a lot, and must not compile a statement
-- for that.
SELECT set_config('enable_seqscan', 'off', true), set_config('enable_bitmapscan', 'off', true),
  set_config('enable_sort', 'off', true), set_config('jit', 'off', true), set_config('plan_cache_mode', 'force_generic_plan', true);
