#include "router/table.hpp"  // expect
#include <boost/asio.hpp>  // expect
