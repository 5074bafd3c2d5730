# How everything in this tree is compiled.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE RelWithDebInfo)
endif()
set(CMAKE_CXX_FLAGS_RELWITHDEBINFO "-O2 -g1")

option(MOONBASE_TESTS "Build the tests" ON)
set(MOONBASE_SANITIZE "" CACHE STRING "Sanitizers, as -fsanitize= takes them: address,undefined or thread")

# GCC 12 sees overlapping copies where strings are joined (its bug 105651).
add_compile_options(-Wno-restrict)
add_compile_options(-Wall -Wextra -Wpedantic -Werror -Wshadow=local -Wnon-virtual-dtor -Wno-missing-field-initializers)
if(MOONBASE_SANITIZE)
  # The checks that are woven in confuse GCC 12 about what is initialised, in its own headers too.
  add_compile_options(-fsanitize=${MOONBASE_SANITIZE} -fno-omit-frame-pointer -Wno-maybe-uninitialized)
  add_link_options(-fsanitize=${MOONBASE_SANITIZE})
endif()

find_program(MOONBASE_MOLD mold)
if(MOONBASE_MOLD)
  add_link_options(-fuse-ld=mold)
endif()
find_program(MOONBASE_CCACHE ccache)
if(MOONBASE_CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${MOONBASE_CCACHE})
endif()
