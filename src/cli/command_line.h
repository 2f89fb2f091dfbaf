// The command line as one table: what the commands are called, what they take, and what they say about
// themselves.
//
// parse() matches words against the table and copies nothing; help is printed from the same table, so the two
// cannot disagree. A small parser of our own, because CLI11 brings iostreams and exceptions along: they
// double a program that sleeps once per session and server, in text and in memory dirtied before main().
#pragma once

#include <expected>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace cli {

enum class Repeat : unsigned char { once, many };

struct Flag {
  std::string_view name;    // "--name"
  std::string_view letter;  // "-n"; empty: none.
  std::string_view value;   // "NAME", as help shows it; empty: the flag takes no value.
  std::string_view help;    // One line.
  Repeat repeat = Repeat::once;
};

// What follows the flags of a command.
struct Words {
  std::string_view shown;  // "NAME", "[NAME]", "-- COMMAND ARGS…"; empty: nothing.
  std::size_t least = 0;
  std::size_t most = 0;
  bool verbatim = false;  // From the first of them on, everything belongs to it, flags too.
};

class Arguments;

struct Command {
  std::string_view name;
  std::string_view brief;  // One line; empty: not in the short help.
  std::string_view help;   // Paragraphs, wrapped by hand.
  std::span<const Flag> flags;
  Words words;
  int (*run)(const Arguments& arguments) = nullptr;
};

class Arguments {
 public:
  const Command* command = nullptr;
  bool help = false;  // --help was given, with or without a command.
  bool version = false;
  std::string_view home;  // --home; empty: not given.
  std::vector<std::string_view> words;

  bool has(std::string_view flag) const;
  std::string_view value(std::string_view flag) const;  // Empty if not given.
  std::vector<std::string_view> values(std::string_view flag) const;
  std::optional<std::string> home_wanted() const;

 private:
  friend class Reader;
  struct Given {
    std::string_view flag;
    std::string_view value;
  };
  std::vector<Given> given_;
};

// Refusals are sentences that name what was meant, where that can be guessed.
std::expected<Arguments, std::string> parse(std::span<const Command> table,
                                            std::span<const char* const> words);

std::string short_help(std::span<const Command> table);
std::string help_of(const Command& command);

}  // namespace cli
