#include "adapters/vendor.hpp"

namespace tollgate::vendors {

extern constinit const Vendor beta{
    .field_0 = 0,
    .field_1 = 1,
    .field_2 = 2,
    .field_3 = 3,
    .field_4 = 4,
    .field_5 = 5,
    .field_6 = 6,
    .field_7 = 7,
    .field_8 = 8,
    .field_9 = 9,
    .field_10 = 10,
    .field_11 = 11,
    .field_12 = 12,
    .field_13 = 13,
    .field_14 = 14,
    .field_15 = 15,
    .field_16 = 16,
    .field_17 = 17,
    .field_18 = 18,
    .field_19 = 19,
    .field_20 = 20,
    .field_21 = 21,
    .field_22 = 22,
    .field_23 = 23,
    .field_24 = 24,
    .field_25 = 25,
    .field_26 = 26,
    .field_27 = 27,
    .field_28 = 28,
    .field_29 = 29,
    .field_30 = 30,
    .field_31 = 31,
    .field_32 = 32,
    .field_33 = 33,
    .field_34 = 34,
    .last = 1,  // expect
};

}  // namespace tollgate::vendors
