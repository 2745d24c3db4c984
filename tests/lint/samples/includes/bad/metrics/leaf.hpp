#pragma once
#include "config/settings.hpp"  // expect
#include <spdlog/spdlog.h>  // expect
#include <prometheus/registry.h>  // expect
