# Build options and the compiler flags that every target gets.

option(ST_WERROR "Warnings are errors (CI)" OFF)
option(ST_SANITIZE "AddressSanitizer and UndefinedBehaviorSanitizer" OFF)
option(ST_FUZZ "libFuzzer targets (clang only)" OFF)
option(ST_PLANTED_BUGS "Compile the planted bugs that prove the simulator (tests only)" OFF)

set(CMAKE_C_STANDARD 11)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/bin")
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release)
endif()

find_program(CCACHE ccache)
if(CCACHE)
  set(CMAKE_C_COMPILER_LAUNCHER "${CCACHE}")
endif()

add_compile_definitions(_POSIX_C_SOURCE=200809L _DEFAULT_SOURCE)
add_compile_options(
  -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wstrict-prototypes
  -Wmissing-prototypes -Wformat=2 -Wformat-security -Wvla -Wundef
  -Wpointer-arith -Wcast-qual -fno-common -g)
if(ST_WERROR)
  add_compile_options(-Werror)
endif()

if(ST_SANITIZE OR ST_FUZZ)
  add_compile_options(-fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer)
  add_link_options(-fsanitize=address,undefined)
endif()
if(ST_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()
if(ST_PLANTED_BUGS)
  add_compile_definitions(ST_PLANTED_BUGS=1)
endif()

# Hardening of what is released. A sanitizer brings its own checks.
if(CMAKE_BUILD_TYPE STREQUAL "Release" AND NOT ST_SANITIZE AND NOT ST_FUZZ)
  add_compile_options(-fstack-protector-strong -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2)
  if(CMAKE_C_COMPILER_ID STREQUAL "GNU")
    add_compile_options(-fstack-clash-protection -fcf-protection)
  endif()
  add_link_options(-Wl,-z,relro,-z,now,-z,noexecstack)
endif()
# Assertions stay on in release builds: they guard our own promises, never a peer's input.
string(REPLACE "-DNDEBUG" "" CMAKE_C_FLAGS_RELEASE "${CMAKE_C_FLAGS_RELEASE}")
string(REPLACE "-DNDEBUG" "" CMAKE_C_FLAGS_RELWITHDEBINFO "${CMAKE_C_FLAGS_RELWITHDEBINFO}")
string(REPLACE "-O3" "-O2" CMAKE_C_FLAGS_RELEASE "${CMAKE_C_FLAGS_RELEASE}")
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
include(CheckPIESupported)
check_pie_supported(LANGUAGES C)
