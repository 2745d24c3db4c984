#include "config/parse.hpp"
#include "metrics/sqlite.hpp"
#include "server/cli/check.hpp"
#include "server/cli/explain.hpp"
#include "server/cli/keys.hpp"
#include "server/cli/models.hpp"
#include "server/cli/options.hpp"
#include "server/cli/price.hpp"
#include "server/cli/usage.hpp"
#include "server/gateway.hpp"

#include <cstdio>
#include <span>
#include <string_view>
#include <vector>

int main(int argc, char** argv) {
    namespace server = tollgate::server;
    namespace cli = tollgate::server::cli;
    tollgate::sqlite::start();
    const std::vector<std::string_view> arguments(argv + 1, argv + argc);
    const std::string_view command = arguments.empty() ? std::string_view() : arguments[0];
    if (command == "explain") {
        return cli::explain(std::span(arguments).subspan(1));
    }
    if (command == "price" || command == "models" || command == "keys") {
        const std::span<const std::string_view> rest = std::span(arguments).subspan(1);
        return command == "price"    ? cli::price(rest)
               : command == "models" ? cli::models(rest)
                                     : cli::keys(rest);
    }
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
    if (options->command == cli::Command::usage) {
        return cli::usage(source, *options);
    }
    return options->command == cli::Command::check ? cli::check(source, options->json)
                                                   : server::serve(source);
}
