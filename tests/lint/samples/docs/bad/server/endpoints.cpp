constexpr std::array kEndpoints{
    Endpoint{"/v1/chat/completions", "POST", Action::model},
    Endpoint{"/v1/models/", "GET", Action::show_model},
    Endpoint{"/health", "GET", Action::ready},
};
