#include <catch2/catch.hpp>
#include "server/worker.hpp"
