// Memory that is not needed for the time being.
#pragma once

namespace tollgate::server {

/// Frees what a string or vector has allocated.  Assigning an empty one does not: libstdc++ keeps
/// the capacity of the one assigned to.
template <class Container>
void give_back(Container& container) noexcept {
    Container().swap(container);
}

}  // namespace tollgate::server
