# Run by CPack behind the packages it made: packs their contents again with
# dpkg-deb, which takes every time from SOURCE_DATE_EPOCH. CPack writes the hour of
# the build into each archive.
find_program(DPKG_DEB dpkg-deb REQUIRED)
foreach(package ${CPACK_PACKAGE_FILES})
  set(folder ${package}.contents)
  file(REMOVE_RECURSE ${folder})
  execute_process(COMMAND ${DPKG_DEB} --raw-extract ${package} ${folder} COMMAND_ERROR_IS_FATAL ANY)
  # One thread: the bytes shall not depend on how many there are.
  execute_process(COMMAND ${DPKG_DEB} --root-owner-group -Zxz --threads-max=1 --build ${folder} ${package}
                  OUTPUT_QUIET COMMAND_ERROR_IS_FATAL ANY)
  file(REMOVE_RECURSE ${folder})
endforeach()
