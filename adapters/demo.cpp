// adapters/demo.cpp — the built-in simulated vendor: no key, no network, faults on demand.
// Source: docs/configuration.md, read 2026-11.
#include "adapters/vendor.hpp"

namespace tollgate::vendors {
namespace {
constexpr std::string_view kModels[]{"demo-1", "demo-embed", "demo-mini", "demo-reasoner"};
}  // namespace

using namespace adapters;

extern constinit const Vendor demo{
    .name = "demo",
    .display = "Demo (built in)",
    .kind = VendorKind::builtin,
    .region = Region::any,
    .base_url = "demo:",
    .auth = Auth::none,
    .operations = Op::chat | Op::completions | Op::embeddings | Op::models,
    .default_model = "demo-1",
    .models = kModels,
    .docs = "docs/configuration.md",
};

}  // namespace tollgate::vendors
