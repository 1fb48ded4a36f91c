-- Makes the rest of the transaction read events from an index in its order, however many there are. A planner without statistics expects few
-- rows, and would read and sort all of them each time. It also finds each index equally good that has the wanted order, such as that of the
-- events of all directories for the events of one. So each index has an order of its own, by where it puts nulls, although there are none;
-- or a statement orders by more columns, and says with a range instead of = which values it wants: the planner drops a column with = from
-- the order. The planner gives disabled plans a high cost, which would also make it compile the statement: so compilation is off.
SELECT set_config('enable_seqscan', 'off', true), set_config('enable_bitmapscan', 'off', true),
  set_config('enable_sort', 'off', true), set_config('enable_incremental_sort', 'off', true), set_config('jit', 'off', true),
  set_config('plan_cache_mode', 'force_generic_plan', true);
