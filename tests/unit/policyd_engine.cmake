mxw_test(refresh_test SOURCES refresh_test.cpp refresh_walk_test.cpp DEPS mxw_policyd_engine)
mxw_test(policyd_engine_test
  SOURCES engine_test.cpp engine_bounds_test.cpp engine_cache_test.cpp engine_dane_test.cpp engine_failures_test.cpp
    engine_store_test.cpp engine_trouble_test.cpp
  DEPS mxw_policyd_engine mxw_map_engine)
