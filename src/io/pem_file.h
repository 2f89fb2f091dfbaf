// A file with a certificate or a key in it, read whole.
//
// It must belong to us or to root, and nobody else may write it. One that holds a secret must be nobody
// else's to read: owned by us or by root, and closed to group and others. Its text is overwritten when this
// goes.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace io {

class PemFile {
 public:
  // `what` it is, for the error: "certificate".
  static base::Result<PemFile> read(std::string_view what, const std::string& path);
  static base::Result<PemFile> read_secret(std::string_view what, const std::string& path);

  PemFile(PemFile&& other) noexcept = default;
  PemFile& operator=(PemFile&&) = delete;
  ~PemFile();

  std::string_view text() const { return {bytes_.data(), bytes_.size()}; }

 private:
  explicit PemFile(std::vector<char> bytes) : bytes_(std::move(bytes)) {}
  std::vector<char> bytes_;
};

}  // namespace io
