#pragma once
#include "failover/failure.hpp"  // expect
#include "adapters/vendor.hpp"  // expect
#include <yaml-cpp/yaml.h>  // expect
