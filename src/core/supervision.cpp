#include "core/supervision.h"

#include "core/limits.h"

namespace core {

void Supervision::started(base::Instant now) {
  started_ = now;
  answered_ = false;
}

base::Instant Supervision::failed(base::Instant now, base::Duration stable_after) {
  if (started_ && (answered_ || now - *started_ >= stable_after)) failures_ = 0;
  answered_ = false;
  started_.reset();
  ++failures_;
  if (broken()) {
    retry_at_ = now + limits::cool_down;
  } else {
    retry_at_ = now + limits::backoff_first * (1 << (failures_ - 1));
  }
  return retry_at_;
}

void Supervision::forgive() {
  failures_ = 0;
  retry_at_ = {};
}

bool Supervision::broken() const {
  return failures_ >= limits::failures_most;
}

}  // namespace core
