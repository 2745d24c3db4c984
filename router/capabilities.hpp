// Which targets cannot serve a request, by what the catalog knows about their models.  Pure.
#pragma once

#include "adapters/request.hpp"
#include "adapters/vendor.hpp"
#include "failover/failure.hpp"
#include "metrics/catalog/model.hpp"
#include "router/snapshot.hpp"

#include <optional>
#include <string>

namespace tollgate::router {

/// Why a model cannot serve a request.
struct Unfit {
    std::string reason;       ///< to follow "provider/model": "takes no images"
    bool is_context = false;  ///< the request is too long for it; a larger model may take it
};

/// Nothing where the model can serve the request, or nothing is known against it.  `model` as
/// Provider::prices.find() gave it, null included; `vendor` is asked what its adapter makes up for.
/// Looks at the messages only where the model is known to lack something; else a few comparisons.
[[nodiscard]] std::optional<Unfit> unfit(const adapters::Request& request,
                                         const catalog::Model* model,
                                         const adapters::Vendor& vendor);

/// Leaves out the targets that cannot serve the request, and notes why.  Fails when none is left:
/// bad_request, or context_exceeded where length is all that is wrong, saying what each model
/// lacks.
[[nodiscard]] Result<void> keep_fit(const adapters::Request& request, Route& route);

}  // namespace tollgate::router
