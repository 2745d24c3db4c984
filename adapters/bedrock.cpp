// adapters/bedrock.cpp — AWS Bedrock, Converse and ConverseStream.  Read 2026-11.
// Source: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html
#include "adapters/vendor.hpp"

namespace tollgate::vendors {
namespace {
constexpr std::string_view kAliases[]{"aws_bedrock", "aws-bedrock", "amazon_bedrock"};
constexpr std::string_view kKeys[]{"AWS_BEARER_TOKEN_BEDROCK"};
}  // namespace

using namespace adapters;

extern constinit const Vendor bedrock{
    .name = "bedrock",
    .display = "AWS Bedrock",
    .aliases = kAliases,
    .key_env = kKeys,
    .dialect = DialectName::bedrock,
    .auth = Auth::sigv4,
    .operations = Op::chat | Op::embeddings,
    .docs = "https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html",
};

}  // namespace tollgate::vendors
