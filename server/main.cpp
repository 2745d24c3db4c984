#include "config/parse.hpp"
#include "server/cli/check.hpp"
#include "server/cli/options.hpp"
#include "server/gateway.hpp"

#include <cstdio>
#include <string_view>
#include <vector>

int main(int argc, char** argv) {
    namespace server = tollgate::server;
    namespace cli = tollgate::server::cli;
    const std::vector<std::string_view> arguments(argv + 1, argv + argc);
    const auto options = cli::parse_options(arguments);
    if (!options) {
        std::fprintf(stderr, "%s\n", options.error().c_str());
        return 2;
    }
    if (options->command == cli::Command::help) {
        std::fputs(cli::kHelp.data(), stdout);
        return 0;
    }
    if (options->command == cli::Command::version) {
        std::puts("tollgate " TOLLGATE_VERSION);
        return 0;
    }
    server::ConfigSource source;
    source.environment = tollgate::config::process_environment();
    source.path = tollgate::config::find_config(options->config, source.environment);
    source.listen = options->listen;
    return options->command == cli::Command::check ? cli::check(source, options->json)
                                                   : server::serve(source);
}
