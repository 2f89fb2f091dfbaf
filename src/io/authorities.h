// Certificate authorities for libcurl: those of the system together with those of files.
//
// libcurl reads one file. Here it is made of both, in memory, once for each list of files, and again when one
// of them has changed. What was made stays until the end: connections are told apart by the name of the file
// that their authorities came from, so that name is never used for others.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/result.h"
#include "io/descriptor.h"

namespace io {

class Authorities {
 public:
  // `system`: the file that libcurl would read by itself; it may be missing.
  explicit Authorities(std::string system) : system_(std::move(system)) {}

  // The name of a file with all of them. Fails where one of `files` cannot be used.
  base::Result<std::string> together(const std::vector<std::string>& files);

 private:
  struct Made {
    std::string state;  // Of the files, when it was made.
    std::string name;
  };

  std::string system_;
  std::map<std::vector<std::string>, Made> made_;
  std::vector<Descriptor> all_;
};

// The certificates in a file of a certificate authority; an error says why they cannot be used.
base::Result<std::string> read_authorities(const std::string& path);

}  // namespace io
