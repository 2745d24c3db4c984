extern constinit const Vendor beta{
    .name = "beta",
    .dialect = DialectName::gemini,
};
