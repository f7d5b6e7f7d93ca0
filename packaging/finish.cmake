# Run by CPack on the staged files of both packages, before they are packed:
# copyright and changelogs, compressed as Debian's policy asks (10.10, 12.1, 12.3,
# 12.7), and every time of the sources, so that the same sources give the same packages.
find_program(GZIP gzip REQUIRED)
find_program(STRIP strip REQUIRED)
set(packaging ${CMAKE_CURRENT_LIST_DIR})

function(run)
  execute_process(COMMAND ${ARGN} COMMAND_ERROR_IS_FATAL ANY)
endfunction()

# -n: neither name nor time in the result.
function(compress)
  if(ARGN)
    run(${GZIP} -9n ${ARGN})
  endif()
endfunction()

# Names that stand for another page are links to its compressed file.
function(finish_man_pages folder)
  file(GLOB_RECURSE pages ${folder}/man/*/*.[1-9])
  foreach(page ${pages})
    if(IS_SYMLINK ${page})
      file(READ_SYMLINK ${page} target)
      file(REMOVE ${page})
      file(CREATE_LINK ${target}.gz ${page}.gz SYMBOLIC)
      list(REMOVE_ITEM pages ${page})
    endif()
  endforeach()
  compress(${pages})
endfunction()

# The changelog of the package says which version it is; that of the sources says what is new.
function(finish_documents folder)
  string(TIMESTAMP date "%a, %d %b %Y %H:%M:%S +0000" UTC)
  file(WRITE ${folder}/changelog.Debian
       "quire (${CPACK_PACKAGE_VERSION}-${CPACK_DEBIAN_PACKAGE_RELEASE}) unstable; urgency=medium\n\n"
       "  * See changelog.gz.\n\n"
       " -- ${CPACK_DEBIAN_PACKAGE_MAINTAINER}  ${date}\n")
  file(COPY_FILE ${packaging}/../CHANGELOG.md ${folder}/changelog)
  file(REMOVE ${folder}/CHANGELOG.md)
  compress(${folder}/changelog.Debian ${folder}/changelog)
  file(COPY_FILE ${packaging}/copyright ${folder}/copyright)
endfunction()

function(finish component package)
  set(root ${CPACK_TEMPORARY_DIRECTORY}/${component})
  set(share ${root}/usr/share)
  finish_man_pages(${share})
  finish_documents(${share}/doc/${package})
  file(MAKE_DIRECTORY ${share}/lintian/overrides)
  file(COPY_FILE ${packaging}/${package}.lintian-overrides ${share}/lintian/overrides/${package})
  file(GLOB_RECURSE archives ${root}/usr/lib/*.a)
  if(archives)
    run(${STRIP} --strip-debug --enable-deterministic-archives ${archives})
  endif()
  # Whoever builds may have another umask.
  run(chmod -R u=rwX,go=rX ${root})
  run(find ${root} -exec touch --no-dereference --date=@$ENV{SOURCE_DATE_EPOCH} {} +)
endfunction()

if(NOT DEFINED ENV{SOURCE_DATE_EPOCH})
  message(FATAL_ERROR "SOURCE_DATE_EPOCH is not set: scripts/deb.sh sets it")
endif()
finish(program quire)
finish(development libquire-dev)
