#include "server/worker.hpp"  // expect
#include <simdjson.h>  // expect
#include <catch2/catch.hpp>  // expect
