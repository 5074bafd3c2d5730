# cmake --install: the program with its plugins, and what plugin authors need.
include(CMakePackageConfigHelpers)
set(package_folder ${CMAKE_INSTALL_LIBDIR}/cmake/moonbase)
# The program finds plugins/ beside itself, so both live in one private folder.
set(program_folder ${CMAKE_INSTALL_LIBDIR}/moonbase)
set(CMAKE_INSTALL_RPATH "$ORIGIN;$ORIGIN/..;$ORIGIN/../..")

set_target_properties(moonbase-sdk moonbase-testing moonbase PROPERTIES INSTALL_RPATH "${CMAKE_INSTALL_RPATH}")
install(TARGETS moonbase-sdk moonbase-testing EXPORT moonbaseTargets
        LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(TARGETS moonbase RUNTIME DESTINATION ${program_folder})
get_property(plugin_targets GLOBAL PROPERTY MOONBASE_PLUGIN_TARGETS)
set_target_properties(${plugin_targets} PROPERTIES INSTALL_RPATH "${CMAKE_INSTALL_RPATH}")
install(TARGETS ${plugin_targets} LIBRARY DESTINATION ${program_folder}/plugins)
get_property(helper_targets GLOBAL PROPERTY MOONBASE_HELPER_PROGRAMS)
if(helper_targets)
  install(TARGETS ${helper_targets} RUNTIME DESTINATION ${program_folder})
endif()
install(CODE "
  file(MAKE_DIRECTORY \$ENV{DESTDIR}\${CMAKE_INSTALL_PREFIX}/${CMAKE_INSTALL_BINDIR})
  file(CREATE_LINK ../${program_folder}/moonbase \$ENV{DESTDIR}\${CMAKE_INSTALL_PREFIX}/${CMAKE_INSTALL_BINDIR}/moonbase SYMBOLIC)")

install(DIRECTORY ${CMAKE_SOURCE_DIR}/sdk/include/ ${CMAKE_SOURCE_DIR}/sdk/testing/include/
        DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(DIRECTORY ${CMAKE_SOURCE_DIR}/scripts/lua/ DESTINATION ${CMAKE_INSTALL_DATADIR}/moonbase/lua)
install(EXPORT moonbaseTargets NAMESPACE moonbase:: DESTINATION ${package_folder})
configure_package_config_file(${CMAKE_CURRENT_LIST_DIR}/moonbaseConfig.cmake.in
                              ${CMAKE_BINARY_DIR}/moonbaseConfig.cmake INSTALL_DESTINATION ${package_folder})
write_basic_package_version_file(${CMAKE_BINARY_DIR}/moonbaseConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_BINARY_DIR}/moonbaseConfig.cmake ${CMAKE_BINARY_DIR}/moonbaseConfigVersion.cmake
              ${CMAKE_CURRENT_LIST_DIR}/MoonbasePlugin.cmake DESTINATION ${package_folder})
