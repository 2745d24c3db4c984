// Fetches of the vendors' lists of models, in the background.
#pragma once

#include "router/snapshot.hpp"

namespace tollgate::server {

class Worker;

/// Starts to fetch what is too old (catalog_refresh) and nobody else fetches.  What comes is for
/// those who ask later.
void refresh_model_lists(Worker& worker, const router::SnapshotPtr& snapshot);

}  // namespace tollgate::server
