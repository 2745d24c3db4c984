#include "adapters/vendor.hpp"

namespace tollgate::vendors {

namespace {
constexpr Rename kRenames[]{{"max_completion_tokens", "max_tokens"}};
constexpr std::string_view kRefused[]{"logprobs", "logit_bias"};
}  // namespace

extern constinit const Vendor alpha{
    .name = "alpha",
    .operations = Op::chat | Op::models,
    .renames = kRenames,
    .refuse = kRefused,
};

}  // namespace tollgate::vendors
