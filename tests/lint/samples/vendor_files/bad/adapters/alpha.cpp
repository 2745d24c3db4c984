#include "adapters/vendor.hpp"

namespace tollgate::vendors {

static int helper() {  // expect
    return 1;
}

extern constinit const Vendor alpha{
    .name = "alpha",
};

}  // namespace tollgate::vendors
