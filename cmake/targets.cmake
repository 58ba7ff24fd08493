# The few kinds of target that the project has.
#
#   st_library(NAME SOURCES a.c … LINK x …)   a static library; its folder is its include path's root
#   st_program(NAME SOURCES main.c LINK x …)  an executable in build/bin
#   st_test(NAME SOURCES t.c LINK x … [LABELS l] [ARGS …] [TIMEOUT s])
#                                             a cmocka program, run by CTest from the source root
#   st_fuzz(NAME SOURCES f.c LINK x …)        a fuzz target: with ST_FUZZ a libFuzzer program `fuzz-NAME`,
#                                             and always a CTest that runs tests/fuzz/corpus/NAME through it

function(st_library name)
  cmake_parse_arguments(A "" "" "SOURCES;LINK" ${ARGN})
  add_library(${name} STATIC ${A_SOURCES})
  target_include_directories(${name} PUBLIC "${CMAKE_SOURCE_DIR}")
  target_link_libraries(${name} PUBLIC ${A_LINK})
endfunction()

function(st_program name)
  cmake_parse_arguments(A "" "" "SOURCES;LINK" ${ARGN})
  add_executable(${name} ${A_SOURCES})
  target_include_directories(${name} PRIVATE "${CMAKE_SOURCE_DIR}")
  target_link_libraries(${name} PRIVATE ${A_LINK})
endfunction()

function(st_test name)
  cmake_parse_arguments(A "" "TIMEOUT" "SOURCES;LINK;LABELS;ARGS" ${ARGN})
  add_executable(${name} ${A_SOURCES})
  target_include_directories(${name} PRIVATE "${CMAKE_SOURCE_DIR}")
  target_link_libraries(${name} PRIVATE ${A_LINK} PkgConfig::CMOCKA)
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/tests")
  add_test(NAME ${name} COMMAND ${name} ${A_ARGS} WORKING_DIRECTORY "${CMAKE_SOURCE_DIR}")
  if(NOT A_TIMEOUT)
    set(A_TIMEOUT 120)
  endif()
  set_tests_properties(${name} PROPERTIES TIMEOUT ${A_TIMEOUT})
  if(A_LABELS)
    set_tests_properties(${name} PROPERTIES LABELS "${A_LABELS}")
  endif()
endfunction()

function(st_fuzz name)
  cmake_parse_arguments(A "" "" "SOURCES;LINK" ${ARGN})
  add_executable(fuzz-${name} ${A_SOURCES})
  target_include_directories(fuzz-${name} PRIVATE "${CMAKE_SOURCE_DIR}")
  target_link_libraries(fuzz-${name} PRIVATE ${A_LINK})
  set_target_properties(fuzz-${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/fuzz")
  if(ST_FUZZ)
    target_link_options(fuzz-${name} PRIVATE -fsanitize=fuzzer)
    set(run_once -runs=0)
  else()
    target_sources(fuzz-${name} PRIVATE "${CMAKE_SOURCE_DIR}/tests/fuzz/run_corpus.c")
  endif()
  add_test(NAME fuzz-${name}
           COMMAND fuzz-${name} ${run_once} "${CMAKE_SOURCE_DIR}/tests/fuzz/corpus/${name}"
           WORKING_DIRECTORY "${CMAKE_SOURCE_DIR}")
  set_tests_properties(fuzz-${name} PROPERTIES TIMEOUT 120 LABELS fuzz)
endfunction()

# Adds every direct sub-folder that has a CMakeLists.txt.
function(st_add_subfolders)
  file(GLOB lists CONFIGURE_DEPENDS RELATIVE "${CMAKE_CURRENT_SOURCE_DIR}" "${CMAKE_CURRENT_SOURCE_DIR}/*/CMakeLists.txt")
  foreach(list IN LISTS lists)
    get_filename_component(folder "${list}" DIRECTORY)
    add_subdirectory("${folder}")
  endforeach()
endfunction()
