#include "adapters/vendor.hpp"

namespace tollgate::vendors {

extern constinit const Vendor gamma{  // expect
    .name = "gamma",
};

}  // namespace tollgate::vendors
