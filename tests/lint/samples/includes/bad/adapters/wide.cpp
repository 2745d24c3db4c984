#include "server/worker.hpp"  // expect
#include "vendor.hpp"  // expect
#include <openssl/ssl.h>  // expect
#include <nghttp2/nghttp2.h>  // expect
#include <boost/beast/http.hpp>  // expect
#include <yaml-cpp/yaml.h>  // expect
