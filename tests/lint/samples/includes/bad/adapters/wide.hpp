#pragma once
#include <simdjson.h>  // expect
#include <openssl/evp.h>  // expect
