#include "adapters/signer.hpp"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <simdjson.h>

#include <string>

#include "config/secret.hpp"
#include "failover/failure.hpp"
// #include "server/worker.hpp"
