// The sanitizers must be told when a thread changes its stack. Nothing in other builds.
#pragma once

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define MOONBASE_ASAN 1
#endif
#if __has_feature(thread_sanitizer)
#define MOONBASE_TSAN 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#define MOONBASE_ASAN 1
#endif
#if defined(__SANITIZE_THREAD__)
#define MOONBASE_TSAN 1
#endif

#ifdef MOONBASE_ASAN
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif
#ifdef MOONBASE_TSAN
#include <sanitizer/tsan_interface.h>
#endif
