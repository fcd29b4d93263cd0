// DLPack exchange without a copy. Structures as in the DLPack specification, versions 0 and 1.

#include "base/error.h"
#include "python/common.h"
#include "tensor/replay.h"

namespace ranvier::python {
namespace {

struct DLDevice {
  int32_t device_type;  // 1: CPU
  int32_t device_id;
};
struct DLDataType {
  uint8_t code;  // 0 int, 1 uint, 2 float, 4 bfloat, 6 bool
  uint8_t bits;
  uint16_t lanes;
};
struct DLTensor {
  void* data;
  DLDevice device;
  int32_t ndim;
  DLDataType dtype;
  int64_t* shape;
  int64_t* strides;  // in elements; null: dense row-major
  uint64_t byte_offset;
};
struct DLManagedTensor {
  DLTensor dl_tensor;
  void* manager_ctx;
  void (*deleter)(DLManagedTensor*);
};
struct DLManagedTensorVersioned {
  uint32_t major, minor;
  void* manager_ctx;
  void (*deleter)(DLManagedTensorVersioned*);
  uint64_t flags;  // bit 0: read-only
  DLTensor dl_tensor;
};
constexpr int32_t kCpu = 1;
constexpr uint64_t kReadOnly = 1;

DLDataType to_dl(DType dtype) {
  const auto bits = static_cast<uint8_t>(8 * size_of(dtype));
  uint8_t code = 0;
  if (dtype == DType::Bool)
    code = 6;
  else if (dtype == DType::BF16)
    code = 4;
  else if (dtype == DType::F8E4M3)
    code = 10;
  else if (dtype == DType::F8E5M2)
    code = 12;
  else if (is_floating(dtype))
    code = 2;
  else if (is_unsigned(dtype))
    code = 1;
  return {code, bits, 1};
}

DType from_dl(const DLDataType& type) {
  if (type.lanes == 1)
    for (int i = 0; i < kDTypeCount; ++i) {
      const DLDataType mine = to_dl(static_cast<DType>(i));
      if (mine.code == type.code && mine.bits == type.bits) return static_cast<DType>(i);
    }
  fail<DTypeError>("from_dlpack: element type code ", int{type.code}, " of ", int{type.bits},
                   " bits is not known. Expected a boolean, integer or floating type.");
}

// What an exported capsule keeps alive: the tensor and the arrays that DLTensor points to.
template <class Managed>
struct Exported {
  Managed managed{};
  Tensor tensor;
  std::array<int64_t, kMaxRank> shape, strides;
};

template <class Managed>
Managed* export_tensor(const Tensor& tensor) {
  auto* holder = new Exported<Managed>;
  holder->tensor = tensor;
  for (int i = 0; i < tensor.rank(); ++i) holder->shape[static_cast<size_t>(i)] = tensor.shape()[i];
  holder->strides = tensor.shape().strides();
  holder->managed.dl_tensor = {
      tensor.data(),          {kCpu, 0}, tensor.rank(), to_dl(tensor.dtype()), holder->shape.data(),
      holder->strides.data(), 0};
  holder->managed.manager_ctx = holder;
  holder->managed.deleter = [](Managed* m) {
    delete static_cast<Exported<Managed>*>(m->manager_ctx);
  };
  return &holder->managed;
}

template <class Managed>
void delete_unused(PyObject* capsule, const char* name) {
  if (!PyCapsule_IsValid(capsule, name)) return;  // consumed: its new owner deletes it
  auto* managed = static_cast<Managed*>(PyCapsule_GetPointer(capsule, name));
  managed->deleter(managed);
}

py::object to_dlpack(const Tensor& tensor, const py::object& max_version) {
  if (Recorder* recorder = current_recorder()) recorder->spoil();
  const bool versioned =
      !max_version.is_none() && max_version.cast<py::tuple>()[0].cast<int>() >= 1;
  PyObject* capsule = nullptr;
  if (versioned) {
    auto* managed = export_tensor<DLManagedTensorVersioned>(tensor);
    managed->major = 1;
    managed->minor = 0;
    managed->flags = kReadOnly;
    capsule = PyCapsule_New(managed, "dltensor_versioned", [](PyObject* c) {
      delete_unused<DLManagedTensorVersioned>(c, "dltensor_versioned");
    });
  } else {
    capsule = PyCapsule_New(export_tensor<DLManagedTensor>(tensor), "dltensor",
                            [](PyObject* c) { delete_unused<DLManagedTensor>(c, "dltensor"); });
  }
  return py::reinterpret_steal<py::object>(capsule);
}

bool is_dense(const DLTensor& t) {
  int64_t expected = 1;
  for (int i = t.ndim - 1; t.strides && i >= 0; --i) {
    if (t.shape[i] != 1 && t.strides[i] != expected) return false;
    expected *= t.shape[i];
  }
  return true;
}

template <class Managed>
Tensor import_tensor(Managed* managed) {
  const DLTensor& t = managed->dl_tensor;
  if (t.device.device_type != kCpu)
    fail<ValueError>("from_dlpack: the array is on device type ", t.device.device_type,
                     ". Expected CPU memory. Hint: move it to the CPU first.");
  if (!is_dense(t))
    fail<ShapeError>(
        "from_dlpack: the array is strided. Expected dense row-major memory. Hint: make it "
        "contiguous first.");
  const Shape shape(std::span<const int64_t>(t.shape, static_cast<size_t>(t.ndim)));
  const DType dtype = from_dl(t.dtype);
  auto* data = static_cast<std::byte*>(t.data) + t.byte_offset;
  const size_t bytes = static_cast<size_t>(shape.size()) * size_of(dtype);
  // The owner may be Python memory, and the last use may end on a thread without the GIL.
  Buffer buffer = Block::borrow(data, bytes, [managed] {
    if (!managed->deleter) return;
    py::gil_scoped_acquire gil;
    managed->deleter(managed);
  });
  return Tensor::wrap(dtype, shape, std::move(buffer), data);
}

Tensor from_dlpack(const py::object& source) {
  py::object capsule = source;
  if (!PyCapsule_CheckExact(source.ptr())) capsule = source.attr("__dlpack__")();
  PyObject* raw = capsule.ptr();
  if (PyCapsule_IsValid(raw, "dltensor_versioned")) {
    auto* managed =
        static_cast<DLManagedTensorVersioned*>(PyCapsule_GetPointer(raw, "dltensor_versioned"));
    Tensor tensor = import_tensor(managed);
    PyCapsule_SetName(raw, "used_dltensor_versioned");
    return tensor;
  }
  if (!PyCapsule_IsValid(raw, "dltensor"))
    fail<ValueError>("from_dlpack: expected an object with __dlpack__ or an unused capsule.");
  auto* managed = static_cast<DLManagedTensor*>(PyCapsule_GetPointer(raw, "dltensor"));
  Tensor tensor = import_tensor(managed);
  PyCapsule_SetName(raw, "used_dltensor");
  return tensor;
}

}  // namespace

void bind_dlpack(py::module_& m, py::class_<Tensor>& cls) {
  cls.def(
         "__dlpack__",
         [](const Tensor& t, const py::object&, const py::object& max_version, const py::object&,
            const py::object&) { return to_dlpack(t, max_version); },
         py::arg("stream") = py::none(), py::arg("max_version") = py::none(),
         py::arg("dl_device") = py::none(), py::arg("copy") = py::none())
      .def("__dlpack_device__", [](const Tensor&) { return py::make_tuple(kCpu, 0); });
  m.def("from_dlpack", &from_dlpack);
}

}  // namespace ranvier::python
