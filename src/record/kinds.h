// What events are called in a recording. An event that has no name here does not compile.
#pragma once

#include <string_view>

#include "record/recording.h"

namespace record {

template <class Event>
inline constexpr std::string_view name = [] {
  static_assert(sizeof(Event) == 0, "give this event a name here, and a case in write.cpp and read.cpp");
  return std::string_view();
}();

template <>
inline constexpr std::string_view name<broker::SessionOpened> = "SessionOpened";
template <>
inline constexpr std::string_view name<broker::SessionLine> = "SessionLine";
template <>
inline constexpr std::string_view name<broker::SessionInputEnded> = "SessionInputEnded";
template <>
inline constexpr std::string_view name<broker::SessionClosed> = "SessionClosed";
template <>
inline constexpr std::string_view name<broker::SessionAway> = "SessionAway";
template <>
inline constexpr std::string_view name<broker::SessionBack> = "SessionBack";
template <>
inline constexpr std::string_view name<broker::SessionBlocked> = "SessionBlocked";
template <>
inline constexpr std::string_view name<broker::SessionUnblocked> = "SessionUnblocked";
template <>
inline constexpr std::string_view name<broker::SessionOverflowed> = "SessionOverflowed";
template <>
inline constexpr std::string_view name<broker::SessionRespecified> = "SessionRespecified";
template <>
inline constexpr std::string_view name<broker::SessionRetimed> = "SessionRetimed";
template <>
inline constexpr std::string_view name<broker::EntryChanged> = "EntryChanged";
template <>
inline constexpr std::string_view name<broker::InstanceStarted> = "InstanceStarted";
template <>
inline constexpr std::string_view name<broker::InstanceStartFailed> = "InstanceStartFailed";
template <>
inline constexpr std::string_view name<broker::InstanceLine> = "InstanceLine";
template <>
inline constexpr std::string_view name<broker::InstanceAnswers> = "InstanceAnswers";
template <>
inline constexpr std::string_view name<broker::InstanceForgot> = "InstanceForgot";
template <>
inline constexpr std::string_view name<broker::InstanceSpoke> = "InstanceSpoke";
template <>
inline constexpr std::string_view name<broker::InstanceMoved> = "InstanceMoved";
template <>
inline constexpr std::string_view name<broker::InstanceBlocked> = "InstanceBlocked";
template <>
inline constexpr std::string_view name<broker::InstanceUnblocked> = "InstanceUnblocked";
template <>
inline constexpr std::string_view name<broker::InstanceExited> = "InstanceExited";
template <>
inline constexpr std::string_view name<broker::StartWanted> = "StartWanted";
template <>
inline constexpr std::string_view name<broker::StopWanted> = "StopWanted";
template <>
inline constexpr std::string_view name<broker::RestartWanted> = "RestartWanted";
template <>
inline constexpr std::string_view name<broker::DaemonLeaves> = "DaemonLeaves";
template <>
inline constexpr std::string_view name<broker::InstanceOverflowed> = "InstanceOverflowed";

template <>
inline constexpr std::string_view name<broker::MemoryShort> = "MemoryShort";

inline constexpr std::string_view admitted = "admitted";
inline constexpr std::string_view dismissed = "dismissed";
inline constexpr std::string_view ticked = "tick";
inline constexpr std::string_view ended = "end";

}  // namespace record
