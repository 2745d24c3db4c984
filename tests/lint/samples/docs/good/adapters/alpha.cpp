extern constinit const Vendor alpha{.name = "alpha"};
