// Reads what a Writer has written, perhaps one of another build (save/writer.h has the layout).
//
// Each value is checked: after the first mistake every number is 0, every text and every list empty, so that
// those who read need not look after each value; end() says what was wrong, and then nothing that was read
// may be used. That the values fit together is not checked: the bytes come from a daemon of the same user.
//
// A member that the writer did not know keeps what it has. One that the reader does not know may be left out
// if it says nothing (0, an empty text, an empty list); else the state is of a later build that knows
// something which would be lost, and that is a mistake.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "save/writer.h"

namespace save {

class Reader {
 public:
  // `saved` outlives the reader.
  explicit Reader(std::string_view saved);
  explicit Reader(InPieces) {}
  // The next piece, which outlives the reader; the one before must have been read whole.
  void begin_piece(std::string_view piece);

  std::uint64_t natural();
  std::int64_t integer();
  std::string_view text();  // Of `saved`.
  std::size_t list();       // How many values follow: no more than there are bytes.
  // f(name) for each member that was written, which must read its value. `f` returns false for a name that it
  // does not know, and has read nothing then.
  template <class F>
  void record(F&& f) {
    const std::size_t known_as = begin_record();
    if (!failure_.empty()) return;
    for (std::size_t i = 0; i < classes_[known_as].size() && failure_.empty(); ++i) {
      const std::string_view name = classes_[known_as][i];
      if (!f(name)) skip_if_empty(name);
    }
  }

  bool failed() const { return !failure_.empty(); }
  void fail(std::string why);
  // Everything has been read, and well. `what` names it, for the sentence.
  base::Result<void> end(std::string_view what);

 private:
  Kind peek() const { return static_cast<Kind>(saved_[at_]); }
  bool next_is(Kind kind) const { return !failed() && at_ < end_ && peek() == kind; }
  bool take(Kind kind);
  std::uint64_t number();
  std::string_view bytes();
  std::size_t begin_record();
  void skip_if_empty(std::string_view name);
  bool skip(int depth);  // Whether the value said nothing.

  std::string_view saved_;
  std::size_t at_ = 0;
  std::size_t end_ = 0;
  std::string failure_;
  std::vector<std::vector<std::string_view>> classes_;
};

}  // namespace save
