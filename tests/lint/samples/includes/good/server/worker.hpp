#pragma once
#include <boost/asio/io_context.hpp>
#include <openssl/ssl.h>

#include "router/table.hpp"
#include "metrics/record.hpp"
