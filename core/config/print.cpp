// What the option table says: as a file with the values of a Config, as the shipped file, as
// docs/config.md.
#include "core/config/load.hpp"
#include "core/config/options.hpp"

namespace mxw::config {
namespace {

template <typename Each>
void by_table(std::string& out, const Each& each) {
  for (const TableHelp& table : tables()) {
    each.head(out, table);
    for (const Option& option : options()) {
      if (option.table == table.name) each.option(out, option);
    }
  }
}

std::string limits(const Option& option) {
  return option.type + (option.unit.empty() ? "" : ", in " + std::string(option.unit));
}

struct Dump {
  const Config& config;

  void head(std::string& out, const TableHelp& table) const {
    out += (out.empty() ? "[" : "\n[") + std::string(table.name) + "]\n";
  }
  void option(std::string& out, const Option& option) const {
    out += std::string(option.key) + " = " + option.print(config) + '\n';
  }
};

struct Shipped {
  Config config;

  void head(std::string& out, const TableHelp& table) const {
    out += "\n# " + std::string(table.help) + "\n[" + std::string(table.name) + "]\n";
  }
  void option(std::string& out, const Option& option) const {
    out += "# " + std::string(option.help) + ".\n# (" + limits(option) + ")\n#" +
           std::string(option.key) + " = " + option.print(config) + "\n";
  }
};

// A cell of a table in Markdown.
std::string cell(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '|') out += '\\';
    out += c;
  }
  return out;
}

struct Document {
  Config config;

  void head(std::string& out, const TableHelp& table) const {
    out += "\n## [" + std::string(table.name) + "]\n\n" + std::string(table.help) +
           "\n\n| key | type | default | reload | |\n|---|---|---|---|---|\n";
  }
  void option(std::string& out, const Option& option) const {
    out += "| `" + std::string(option.key) + "` | " + cell(limits(option)) + " | `" +
           cell(option.print(config)) + "` | " + (option.reload ? "yes" : "no") + " | " +
           cell(option.help) + " |\n";
  }
};

}  // namespace

std::string dump(const Config& config) {
  std::string out;
  by_table(out, Dump{config});
  return out;
}

std::string shipped_file() {
  std::string out =
      "# Settings of all programs of mxwarden. Every key stands here with its default; what it\n"
      "# means, and whether a reload takes it, is in docs/config.md. `--check-config` of any\n"
      "# program checks this file.\n";
  by_table(out, Shipped{});
  return out;
}

std::string documentation() {
  std::string out =
      "# Configuration\n"
      "\n"
      "All programs read one file, `/etc/mxwarden/mxwarden.toml` (`--config FILE` names another), "
      "in TOML 1.0.\n"
      "Every key may be left out. An unknown key, a wrong type or a value out of range is refused "
      "with its line\n"
      "and column. `--check-config` only checks, `--dump-config` prints all settings with what "
      "holds for them.\n"
      "\n"
      "On SIGHUP a program reads the file again, mxwarden-milter on SIGUSR1. The old settings "
      "stay, "
      "whole, when\n"
      "the file has an error or when a key of the program's own tables changed that needs a "
      "restart "
      "(reload: no);\n"
      "the log names it.\n"
      "\n"
      "This page is made from the programs' table of options.\n";
  by_table(out, Document{});
  return out;
}

}  // namespace mxw::config
