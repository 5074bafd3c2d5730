# moonbase_add_plugin(NAME [SOURCES file…] [LIBRARIES target…] [SERVICES folder…])
#
# Builds plugins/NAME.so. Sources default to every .cpp of the calling folder and its service folders
# (SERVICES defaults to every folder with a model.lua). Lua and SQL files are embedded: the text of
# NAME/model.lua is `extern "C" const char NAME_model_lua[]`, of ./resources.lua `resources_lua`.
function(moonbase_add_plugin name)
  cmake_parse_arguments(PARSE_ARGV 1 plugin "" "" "SOURCES;LIBRARIES;SERVICES")
  if(NOT plugin_SOURCES)
    file(GLOB_RECURSE plugin_SOURCES CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.cpp)
    list(FILTER plugin_SOURCES EXCLUDE REGEX "/(tests|environment)/")
  endif()
  if(NOT plugin_SERVICES)
    file(GLOB models CONFIGURE_DEPENDS RELATIVE ${CMAKE_CURRENT_SOURCE_DIR} ${CMAKE_CURRENT_SOURCE_DIR}/*/model.lua)
    foreach(model ${models})
      get_filename_component(service ${model} DIRECTORY)
      list(APPEND plugin_SERVICES ${service})
    endforeach()
  endif()

  add_library(${name} MODULE ${plugin_SOURCES})
  target_link_libraries(${name} PRIVATE moonbase::sdk ${plugin_LIBRARIES})
  set_target_properties(${name} PROPERTIES PREFIX "" CXX_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON
                        LIBRARY_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/plugins)
  target_link_options(${name} PRIVATE -Wl,--no-undefined)
  set_property(GLOBAL APPEND PROPERTY MOONBASE_PLUGIN_TARGETS ${name})
  moonbase_embed(${name} "" ${CMAKE_CURRENT_SOURCE_DIR})
  foreach(service ${plugin_SERVICES})
    moonbase_embed(${name} "${service}_" ${CMAKE_CURRENT_SOURCE_DIR}/${service})
  endforeach()
endfunction()

# Embeds every .lua and .sql file of a folder: `<prefix><file>_<extension>`.
function(moonbase_embed target prefix folder)
  file(GLOB texts CONFIGURE_DEPENDS ${folder}/*.lua ${folder}/*.sql)
  list(FILTER texts EXCLUDE REGEX "/constraints\\.lua$")  # Already part of model.lua (scripts/models).
  moonbase_embed_files(${target} "${prefix}" ${texts})
endfunction()

# Embeds files as NUL-terminated text with C linkage.
function(moonbase_embed_files target prefix)
  foreach(text ${ARGN})
    get_filename_component(file ${text} NAME)
    string(REGEX REPLACE "[^A-Za-z0-9]" "_" symbol "${prefix}${file}")
    set(assembly ${CMAKE_CURRENT_BINARY_DIR}/${target}_embedded/${symbol}.S)
    file(CONFIGURE OUTPUT ${assembly} @ONLY CONTENT
".section .rodata
.global @symbol@
.type @symbol@, @object
.balign 16
@symbol@:
.incbin \"@text@\"
.byte 0
.size @symbol@, . - @symbol@
.section .note.GNU-stack,\"\",@progbits
")
    set_source_files_properties(${assembly} PROPERTIES LANGUAGE ASM OBJECT_DEPENDS ${text})
    target_sources(${target} PRIVATE ${assembly})
  endforeach()
endfunction()
