# Included before project(), so that it can choose the compiler.

set(SDK_DIR ${CMAKE_CURRENT_LIST_DIR})
set(CMAKE_SYSTEM_NAME Generic)
set(CMAKE_SYSTEM_PROCESSOR cortex-m0plus)
set(CMAKE_C_COMPILER arm-none-eabi-gcc)
set(CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY)
foreach(_language C ASM)
    set(CMAKE_${_language}_FLAGS_INIT "-mcpu=cortex-m0plus -mthumb")
endforeach()

# The libraries of the SDK: what uses them inherits headers, definitions, options, sources and the linker script.
macro(sdk_init)
    add_library(sdk_platform INTERFACE)
    # System headers: the port's -Wall -Werror is not meant for them.
    target_include_directories(sdk_platform SYSTEM INTERFACE ${SDK_DIR}/include)
    target_compile_definitions(sdk_platform INTERFACE SDK_CORES=2 "SDK_BOARD=\"qemu, for the RP2040\"")
    target_compile_options(sdk_platform INTERFACE
        -ffunction-sections -fdata-sections
        # Clang does not know this one, which stm32 has.
        -mfp16-format=ieee
        $<$<COMPILE_LANGUAGE:C>:-std=gnu11>
    )

    add_library(sdk_runtime INTERFACE)
    target_link_libraries(sdk_runtime INTERFACE sdk_platform m)
    target_sources(sdk_runtime INTERFACE ${SDK_DIR}/runtime.c)
    target_link_options(sdk_runtime INTERFACE
        -nostartfiles --specs=nano.specs -Wl,--gc-sections,--fatal-warnings -T ${SDK_DIR}/memory.ld
    )
endmacro()
