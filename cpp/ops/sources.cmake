# The families of primitives, part of the tensor library (one floor).
set(RANVIER_OPS support window pointwise reduce matmul conv pool softmax norm attention rnn rnn_compose shape
                slice index resample sample join
                create random sort guard control_flow control_flow_grad scan_grad scan_hoist scan_kept scan_rows
                custom_gradient fft host_call registry)
list(TRANSFORM RANVIER_OPS PREPEND ${PROJECT_SOURCE_DIR}/cpp/ops/)
list(TRANSFORM RANVIER_OPS APPEND .cpp)
target_sources(ranvier_tensor PRIVATE ${RANVIER_OPS})
